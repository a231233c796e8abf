// A team's own service: it has typed errors and a layer, and knows nothing of agents. The tools only say what its errors
// mean, and the run needs the service as any other effect would.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and provide `Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Context, Effect, Layer, Schema } from "effect"

class TicketsDown extends Schema.TaggedError<TicketsDown>()("TicketsDown", {}) {}
class NoSuchTicket extends Schema.TaggedError<NoSuchTicket>()("NoSuchTicket", { id: Schema.Int }) {
  override get message(): string {
    return `there is no ticket ${this.id}`
  }
}

const Ticket = Schema.Struct({ id: Schema.Int, title: Schema.String, open: Schema.Boolean })

class Tickets extends Context.Service<Tickets, {
  readonly search: (word: string) => Effect.Effect<ReadonlyArray<typeof Ticket.Type>, TicketsDown>
  readonly close: (id: number) => Effect.Effect<typeof Ticket.Type, NoSuchTicket>
}>()("example/Tickets") {
  static readonly layer = Layer.sync(Tickets, () => {
    let tickets = [{ id: 17, title: "Login fails", open: true }, { id: 21, title: "Login is slow", open: true }]
    let searches = 0
    return {
      // the first search finds the service down
      search: (word) =>
        Effect.suspend(() =>
          searches++ === 0
            ? Effect.fail(new TicketsDown())
            : Effect.succeed(tickets.filter(({ title }) => title.includes(word)))
        ),
      close: (id) =>
        Effect.suspend(() => {
          tickets = tickets.map((ticket) => ticket.id === id ? { ...ticket, open: false } : ticket)
          const closed = tickets.find((ticket) => ticket.id === id)
          return closed === undefined ? Effect.fail(new NoSuchTicket({ id })) : Effect.succeed(closed)
        })
    }
  })
}

const search = ToolPolicy.set(
  Agent.tool("search_tickets", {
    description: "Search the ticketing system for tickets with a word in their title.\n"
      + "Use when the user asks about existing tickets.\nDo not use for questions about how things work.",
    class: "readonly",
    parameters: { word: Schema.String },
    success: Schema.Array(Ticket),
    failure: TicketsDown,
    run: ({ word }) => Tickets.use((tickets) => tickets.search(word))
  }),
  { failures: { TicketsDown: "transient" }, timeout: "5 seconds", retry: { times: 2 } }
)

// Closing twice changes nothing more; the calls for one ticket run one after the other.
const close = ToolPolicy.set(
  Agent.tool("close_ticket", {
    description: "Closes a ticket by its number",
    class: "idempotent",
    parameters: { id: Schema.Int },
    success: Ticket,
    failure: NoSuchTicket,
    run: ({ id }) => Tickets.use((tickets) => tickets.close(id))
  }),
  { failures: { NoSuchTicket: "permanent" }, serial: ({ id }) => `${id}` }
)

const agent = Agent.make("support", { instructions: "You look after support tickets.", tools: [search, close] })

const program = Effect.gen(function*() {
  const { layer } = yield* ScriptedModel.make([
    ModelScript.toolUse([{ name: "search_tickets", input: { word: "Login" } }]),
    ModelScript.toolUse([
      { name: "close_ticket", input: { id: 17 } },
      { name: "close_ticket", input: { id: 71 } }
    ]),
    ModelScript.text("Ticket 17 is closed. Ticket 71 does not exist; did you mean 21?")
  ])
  const outcome = yield* Agent.run(agent, "Close the login tickets, 17 and 71", {
    onEvent: (event) =>
      event._tag === "ToolCallAnswered"
        ? Console.log(`turn ${event.turn}, attempts ${event.attempts}: ${JSON.stringify(event.result)}`)
        : Effect.void
  }).pipe(Effect.provide(layer))
  yield* Console.log(outcome.text)
})

await Effect.runPromise(program.pipe(Effect.provide(Tickets.layer)))

// prints:
//   turn 1, attempts 2: [{"id":17,"title":"Login fails","open":true},{"id":21,"title":"Login is slow","open":true}]
//   turn 2, attempts 1: {"id":17,"title":"Login fails","open":false}
//   turn 2, attempts 1: "Permanent failure (NoSuchTicket): there is no ticket 71. Tried once. The same call will fail again."
//   Ticket 17 is closed. Ticket 71 does not exist; did you mean 21?
