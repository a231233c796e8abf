// What is measured of one peer, in a process of its own. Each scenario gives numbers, or words where there is no number.
import * as fs from "node:fs"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { faults, final, models } from "./models.mjs"

const input = "Look everything up"

const look = (run, signalled = false) => ({
  name: "look",
  description: "Looks something up",
  schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"], additionalProperties: false },
  run,
  signalled
})

const at = (url, scenario, run = "0") => `${url}/${encodeURIComponent(scenario)}/${encodeURIComponent(run)}`

const whole = (text) => {
  if (!text.includes(final)) throw new Error(`The run ended with ${JSON.stringify(text)}`)
}

const measured = async (act) => {
  const started = performance.now()
  const before = process.cpuUsage()
  await act()
  const { system, user } = process.cpuUsage(before)
  return { cpu: (user + system) / 1000, wall: performance.now() - started }
}

const times = async (count, act) => {
  // oxlint-disable-next-line no-await-in-loop -- runs must not disturb each other
  for (let n = 0; n < count; n++) await act(n)
}

const median = (values) => values.toSorted((left, right) => left - right)[values.length >> 1]

/** Runs of a scenario whose tool calls are counted: a peer that leaves out any is no peer. */
const counted = ({ make }, url, scenario, { calls, tool = async ({ n }) => `found ${n}`, turns = 300 }) => {
  let ran = 0
  const run = make({
    url: at(url, scenario),
    turns,
    tool: look((parameters) => {
      ran++
      return tool(parameters)
    })
  })
  return async () => {
    const before = ran
    whole(await run(input))
    return calls === undefined || ran - before === calls ? ran - before : Promise.reject(new Error(`${ran} calls`))
  }
}

/** Until the code is compiled that a server that has been up for a while runs. */
const warmUp = async (run, { seconds }) => {
  const enough = performance.now() + seconds * 1000
  // oxlint-disable-next-line no-await-in-loop
  do await run()
  while (performance.now() < enough)
}

const overhead = async (peer, url, settings) => {
  const run = counted(peer, url, "overhead", { calls: 160 })
  await counted(peer, url, "one", { calls: 1 })()
  const first = await measured(run)
  await warmUp(run, settings)
  const { cpu, wall } = await measured(() => times(30, run))
  return { first: first.cpu, cpu: cpu / 30, wall: wall / 30 }
}

const page = "what was found there, in some words. ".repeat(28)

const growth = async (peer, url, settings) => {
  const tool = async ({ n }) => `${n}: ${page}`
  const of = (turns) => counted(peer, url, `growth${turns}`, { calls: 4 * turns, tool })
  const [short, middle, long] = [of(10), of(50), of(200)]
  await warmUp(short, settings)
  const perTurn = async (turns, count, run) => (await measured(() => times(count, run))).cpu / turns / count
  return {
    cpu10: await perTurn(10, 50, short),
    cpu50: await perTurn(50, 10, middle),
    cpu200: await perTurn(200, 3, long)
  }
}

const takes = (milliseconds) => async ({ n }) => {
  await sleep(milliseconds)
  return `found ${n}`
}

/** For what is measured in milliseconds that tools and model take. */
const warm = (peer, url) => times(10, counted(peer, url, "five", { calls: 5 }))

const parallel = async (peer, url) => {
  const failing = async (parameters) => {
    const found = await takes(200)(parameters)
    if (parameters.n === 3) throw new Error("connection lost")
    return found
  }
  const runs = {
    four: counted(peer, url, "four", { calls: 4, tool: takes(200) }),
    five: counted(peer, url, "five", { calls: 5, tool: takes(80) })
  }
  await warm(peer, url)
  const four = (await measured(runs.four)).wall
  const five = (await measured(runs.five)).wall
  const oneFails = counted(peer, url, "four", { tool: failing })
  let calls
  const failed = await measured(async () => {
    calls = await oneFails().catch(() => undefined)
  })
  return { four, five, failing: calls === undefined ? "the run fails" : failed.wall, executions: calls ?? "–" }
}

const atOnce = 1000

/** Profiles of the heap: what is held halfway of what was allocated since now, then all that is allocated until the end. */
const profileHeap = async (directory) => {
  const { Session } = await import("node:inspector/promises")
  const session = new Session()
  session.connect()
  // it collects before it answers
  const stop = async () => (await session.post("HeapProfiler.stopSampling")).profile
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  const profiles = { runs: atOnce }
  await session.post("HeapProfiler.startSampling")
  return {
    halfway: async () => {
      profiles.used = process.memoryUsage().heapUsed - before
      profiles.held = await stop()
      await session.post("HeapProfiler.startSampling", {
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true
      })
    },
    end: async () => {
      profiles.allocated = await stop()
      fs.writeFileSync(path.join(directory, "runs.heapprofile"), JSON.stringify(profiles))
    }
  }
}

const nth = (count, act) => {
  let left = count
  return () => {
    if (--left === 0) act()
  }
}

const concurrent = async (peer, url, settings) => {
  let onCall = () => {}
  const tool = (parameters) => {
    onCall()
    return takes(50)(parameters)
  }
  const run = counted(peer, url, "concurrent", { tool })
  const together = (count) => Promise.all(Array.from({ length: count }, run))
  await run()
  globalThis.gc?.()
  // of a process that has loaded what it needs: what the warm-up takes of memory, the runs take again
  const before = process.memoryUsage.rss()
  // as many as keep the process busy while the model waits
  await warmUp(() => together(atOnce / 4), settings)
  const heap = settings.heap === undefined ? undefined : await profileHeap(settings.heap)
  if (heap !== undefined) onCall = nth(atOnce * models.concurrent.turns * models.concurrent.calls / 2, heap.halfway)
  const { cpu, wall } = await measured(() => together(atOnce))
  await heap?.end()
  return {
    cpu: cpu / atOnce,
    wall,
    rss: (process.resourceUsage().maxRSS * 1024 - before) / 1024 / atOnce
  }
}

const deltas = 2000

const streaming = async ({ make }, url, settings) => {
  let seen = 0
  let begun = 0
  const waits = []
  const run = make({
    url: at(url, "streaming"),
    turns: 2,
    tool: look(() => ""),
    onText: () => {
      if (seen++ === 0) waits.push(performance.now() - begun)
    }
  })
  const once = async () => {
    seen = 0
    begun = performance.now()
    await run(input)
    if (seen < deltas) throw new Error(`${seen} deltas of ${deltas}`)
  }
  await warmUp(once, settings)
  waits.length = 0
  const { cpu } = await measured(() => times(5, once))
  return { cpu: cpu / 5 / deltas * 1000, first: median(waits) }
}

const early = async (peer, url) => {
  await warm(peer, url)
  let first
  const run = counted(peer, url, "early", {
    calls: 3,
    tool: (parameters) => {
      first ??= performance.now()
      return takes(300)(parameters)
    }
  })
  const begun = performance.now()
  await run()
  return { wall: performance.now() - begun, first: first - begun }
}

const never = 3000

/** A tool that hangs: it hears its signal or is deaf to it. */
const hangs = (begun, hears) => (_, signal) =>
  new Promise((resolve, reject) => {
    begun()
    setTimeout(resolve, never, "late").unref()
    if (hears) signal?.addEventListener("abort", () => reject(signal.reason))
  })

const inTime = (running) => Promise.race([running, sleep(never - 500, "hangs", { ref: true })])

/** When the run goes on after a tool with a limit of 200 ms, from the start of the tool. */
const limit = async (peer, url) => {
  if (peer.limited === undefined) return { deaf: "no setting", listening: "no setting" }
  await warm(peer, url)
  const of = async (hears) => {
    let begun
    const tool = look(hangs(() => (begun ??= performance.now()), hears), hears)
    const run = peer.make({ url: at(url, "one"), turns: 5, tool, limit: 200 })
    const ended = await inTime(run(input).then((text) => text.includes(final), () => false))
    return ended === "hangs" ? ended : ended ? performance.now() - begun : "the run ends"
  }
  return { deaf: await of(false), listening: await of(true) }
}

const once = (act) => {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}

/** From the abort to the end of the run. */
const cancel = async (peer, url) => {
  await warm(peer, url)
  const of = async (scenario, tool, abortWhen) => {
    const controller = new AbortController()
    let aborted
    const begun = () =>
      setTimeout(() => {
        aborted = performance.now()
        controller.abort()
      }, 100)
    const settings = abortWhen === "tool" ? { tool: tool(begun) } : { tool: look(() => ""), onText: once(begun) }
    const run = peer.make({ url: at(url, scenario), turns: 5, ...settings })
    const ended = await inTime(run(input, { signal: controller.signal }).then(() => "ends", () => "ends"))
    return ended === "hangs" ? ended : performance.now() - aborted
  }
  return {
    deaf: await of("one", (begun) => look(hangs(begun, false)), "tool"),
    listening: await of("one", (begun) => look(hangs(begun, true), true), "tool"),
    reply: await of("slowReply", undefined, "text")
  }
}

/** A run recovers when it ends with the answer and each of its two calls ran once. */
const recovery = async ({ make }, url) => {
  const one = async (fault) => {
    const ran = []
    const tool = look(async ({ n }) => {
      ran.push(n)
      return `found ${n}`
    })
    const run = make({ url: at(url, fault, `${process.pid}`), turns: 6, tool })
    const text = await Promise.race([run(input).catch(() => ""), sleep(20_000, "", { ref: false })])
    const twice = new Set(ran).size < ran.length
    return [fault, text.includes(final) && ran.join() === "1,2" ? "yes" : twice ? "runs a tool twice" : "no"]
  }
  const results = Object.fromEntries(await Promise.all(faults.map(one)))
  return { recovered: Object.values(results).filter((result) => result === "yes").length, ...results }
}

/** Everything since the process began. */
const coldStart = async (peer, url) => {
  await counted(peer, url, "one", { calls: 1 })()
  const { system, user } = process.cpuUsage()
  return { cpu: (user + system) / 1000, wall: performance.now() }
}

/** What only Volley promises, by the benches of its parts, which no other scenario loads. */
const dispatch = async (_peer, _url, { seconds }) => (await import("../dispatch.bench.ts")).measure(seconds)

const hedge = async () => {
  const { compared } = await import("../hedge.bench.ts")
  const { alone, change, extra, hedged } = compared()
  return { alone: alone.p99, hedged: hedged.p99, change: change * 100, extra: extra * 100 }
}

const inFlight = async (_peer, _url, settings) => {
  const { measure } = await import("../inFlight.bench.ts")
  await warmUp(measure, settings)
  return measure()
}

export const measures = {
  overhead,
  growth,
  parallel,
  concurrent,
  streaming,
  early,
  limit,
  cancel,
  recovery,
  coldStart,
  dispatch,
  hedge,
  inFlight
}
