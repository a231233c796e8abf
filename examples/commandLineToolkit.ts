// Tools for the command line:
//   npx volley run --toolkit examples/commandLineToolkit.ts "How many days are there between 2026-01-01 and 2026-11-21?"
import { Agent, ToolFailure } from "@volley/core"
import { Effect, Schema } from "effect"

const day = 24 * 60 * 60 * 1000

const IsoDate = Schema.String.annotate({ description: "A date, like 2026-11-21", format: "date" })

export const tools = [
  Agent.tool("days_between", {
    description: "Number of days between two dates",
    class: "readonly",
    parameters: { from: IsoDate, to: IsoDate },
    run: ({ from, to }) => {
      const days = (Date.parse(to) - Date.parse(from)) / day
      return Number.isFinite(days)
        ? Effect.succeed({ from, to, days })
        : Effect.fail(
          ToolFailure.permanent({ reason: "InvalidArguments", message: "both dates must be like 2026-11-21" })
        )
    }
  })
]
