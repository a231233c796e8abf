/** Prints the numbers of a test. */
export const tell = (numbers: string) => {
  // oxlint-disable-next-line no-console -- the numbers of the test
  console.log(numbers)
}
