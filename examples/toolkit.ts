// An agent with two tools of a toolkit: typed failures, policy on the tool, handlers as a layer that tests can swap.
import { Agent, ToolFailure, ToolPolicy } from "@volley/core"
import { Offline } from "@volley/core/offline"
import { Console, Context, Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"

class ApiDown extends Schema.TaggedError<ApiDown>()("ApiDown", {}) {
  override get message(): string {
    return "the ticket service does not answer"
  }
}

class NoSuchTicket extends Schema.TaggedError<NoSuchTicket>()("NoSuchTicket", { ticket: Schema.Int }) {
  override get message(): string {
    return `ticket ${this.ticket} does not exist`
  }
}

const Ticket = Schema.Struct({ ticket: Schema.Int, title: Schema.String, assignee: Schema.String })

const GetTicket = ToolPolicy.readonly(
  Tool.make("get_ticket", {
    description: "Reads one support ticket by its number",
    parameters: Schema.Struct({ ticket: Schema.Int.annotate({ description: "Number of the ticket" }) }),
    success: Ticket,
    failure: Schema.Union([ApiDown, NoSuchTicket])
  }),
  // Every failure is classified, or this does not compile.
  {
    failures: { ApiDown: "transient", NoSuchTicket: "permanent" },
    timeout: "5 seconds",
    retry: { times: 2 },
    concurrency: 4
  }
)

const AddComment = ToolPolicy.effectful(
  Tool.make("add_comment", {
    description: "Adds a comment to a support ticket",
    parameters: Schema.Struct({ ticket: Schema.Int, comment: Schema.String }),
    failure: ToolFailure.ToolFailure
  }),
  { serial: ({ ticket }) => `${ticket}` }
)

const Tickets = Toolkit.make(GetTicket, AddComment)

class TicketStore extends Context.Service<TicketStore, {
  readonly find: (ticket: number) => Effect.Effect<typeof Ticket.Type, ApiDown | NoSuchTicket>
  readonly comment: (ticket: number, comment: string) => Effect.Effect<void>
}>()("example/TicketStore") {
  static readonly layer = Layer.sync(TicketStore, () => {
    let requests = 0
    return TicketStore.of({
      find: (ticket) =>
        Effect.suspend((): Effect.Effect<typeof Ticket.Type, ApiDown | NoSuchTicket> => {
          requests++
          if (requests === 1) return Effect.fail(new ApiDown())
          return ticket === 17
            ? Effect.succeed({ ticket, title: "Login fails after the update", assignee: "Ada" })
            : Effect.fail(new NoSuchTicket({ ticket }))
        }),
      comment: () => Effect.void
    })
  })
}

const TicketsLive = Tickets.toLayer(Effect.gen(function*() {
  const store = yield* TicketStore
  return {
    get_ticket: ({ ticket }) => store.find(ticket),
    add_comment: ({ comment, ticket }) => store.comment(ticket, comment)
  }
})).pipe(Layer.provide(TicketStore.layer))

const Support = Agent.make("support", {
  instructions: "You answer questions about support tickets. Be brief.",
  tools: [Tickets],
  limits: { turns: 5, deadline: "1 minute" }
})

const program = Effect.gen(function*() {
  const outcome = yield* Agent.run(Support, "Who is working on ticket 17, and what about ticket 99?")
  yield* Console.log(outcome.text)
})

await Effect.runPromise(program.pipe(Effect.provide(Layer.mergeAll(TicketsLive, Offline.layer))))

// prints:
//   This answer is from the offline planner (not a language model): it matched the question to tools and shows what 2 tool calls returned, 1 of them failed.
//
//   get_ticket(ticket: 17)
//     ticket: 17
//     title: Login fails after the update
//     assignee: Ada
//
//   get_ticket(ticket: 99) failed:
//     Permanent failure (NoSuchTicket): ticket 99 does not exist. Tried once. The same call will fail again.
