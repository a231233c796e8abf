/**
 * The console of toolkits: what a handler prints goes to stderr, above the live view, since stdout carries the answer.
 *
 * @internal
 */
import { format } from "node:util"
import type { Redact } from "./render/preview.ts"
import * as SafeText from "./render/safeText.ts"
import { screen } from "./stdio.ts"

/** Takes the console of the process over. @internal */
export const redirect = (redact: Redact): void => {
  const print = (...parts: ReadonlyArray<unknown>): void => screen.print(SafeText.block(redact(format(...parts))))
  Object.assign(console, { log: print, info: print, debug: print, warn: print, error: print, dir: print, trace: print })
}
