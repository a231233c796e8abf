import { describe, it } from "@effect/vitest"
import { halves, holds } from "./simulation/holds.ts"

const { from, to } = halves.second

describe("simulated runs", () => {
  it(
    `G1-G9, G11 - hold in the worlds ${from} to ${to}, and every fault is met`,
    { timeout: 600_000 },
    () => holds(halves.second)
  )
})
