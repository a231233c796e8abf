/** How many worlds the tests run, and `npm run sim`. */
export const seedsOfTests = 2000

/** How many of them at the most it takes to catch a planted bug. */
export const seedsOfMutant = 4000
