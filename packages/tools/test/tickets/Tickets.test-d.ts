import { Agent } from "@volley/core"
import type { Effect, Layer } from "effect"
import type { Tool } from "effect/ai"
import { describe, expectTypeOf, it } from "vitest"
import { Tickets } from "../../src/tickets/index.ts"

type Tools = typeof Tickets.toolkit.tools

describe("Tickets", () => {
  it("run - needs the service and a caller, and nothing of them is in a layer of handlers", () => {
    const agent = Agent.make("support", { instructions: "", tools: [Tickets.toolkit] })
    const run = () => Agent.run(agent, "x")
    type Needs = Effect.Services<ReturnType<typeof run>>
    expectTypeOf<Tickets.Caller>().toExtend<Needs>()
    expectTypeOf<Tickets.TicketStore>().toExtend<Needs>()
    expectTypeOf(Tickets.layer).toEqualTypeOf<Layer.Layer<Tool.HandlersFor<Tools>>>()
  })

  it("failures - a tool fails with what can happen to it", () => {
    expectTypeOf<Tool.Failure<Tools["search_tickets"]>>().toEqualTypeOf<Tickets.ServiceError>()
    expectTypeOf<Tool.Failure<Tools["transition_ticket"]>>().toEqualTypeOf<
      Tickets.TicketNotFound | Tickets.TransitionRefused | Tickets.ServiceError
    >()
  })
})
