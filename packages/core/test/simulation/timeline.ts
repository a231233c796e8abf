import { nameOf } from "./view.ts"
import type { Seen } from "./world.ts"

const widest = 150

const column = (time: number | undefined): string => `${time ?? ""}`.slice(0, 7).padStart(7)

/** The journals of a world and what its handlers did, one line each. */
export const timeline = ({ executions, runs }: Seen): string =>
  [
    ...runs.flatMap(({ events, plan }) => [
      `run of tenant ${plan.tenant}: ${JSON.stringify({ ...plan.limits, cancelAt: plan.cancelAt })}`,
      ...events.map((event) => {
        const { _tag, at, ...fields } = { at: undefined, ...event }
        return `${column(at)} ${_tag.padEnd(18)} ${JSON.stringify(fields)}`.slice(0, widest)
      })
    ]),
    "handlers",
    ...executions.map((one) =>
      `${column(one.start)} ${one.tenant} ${nameOf(one)} attempt ${one.attempt}: ${one.fate}, until ${one.end}`
      + (one.committed === undefined ? "" : `, took effect at ${one.committed}`)
    )
  ].join("\n")
