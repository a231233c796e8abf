// What the emulated model does in each scenario.
//
// - `turns`, `calls`: it asks for that many tool calls in each of its first turns, then answers.
// - `wait`: milliseconds before a reply begins.
// - `apart`, `tail`: milliseconds before each call of a streamed reply, and from the last of them to the end of the reply.
// - `deltas`, `gap`: the answer in that many pieces, milliseconds apart.
export const models = {
  overhead: { turns: 20, calls: 8 },
  growth10: { turns: 10, calls: 4 },
  growth50: { turns: 50, calls: 4 },
  growth200: { turns: 200, calls: 4 },
  four: { turns: 1, calls: 4 },
  five: { turns: 1, calls: 5 },
  concurrent: { turns: 3, calls: 2, wait: 100 },
  streaming: { deltas: 2000, gap: 0.06 },
  early: { turns: 1, calls: 3, apart: 100, tail: 500 },
  one: { turns: 1, calls: 1 },
  slowReply: { deltas: 2000, gap: 20 }
}

export const faults = ["429", "529", "500", "reset", "bad JSON", "cut stream", "SSE error", "bad SSE"]

/** What the model says in the end. */
export const final = "That is all."
