/**
 * Test kit: scripts for models, an in-process model and an HTTP emulator that play them, the rules of the Messages API,
 * and a ledger of side effects.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Cassette from "./Cassette.ts"

/**
 * @since 0.1.0
 */
export * as Emulator from "./Emulator.ts"

/**
 * @since 0.1.0
 */
export * as FakeTool from "./FakeTool.ts"

/**
 * @since 0.1.0
 */
export * as Laws from "./Laws.ts"

/**
 * @since 0.1.0
 */
export * as Ledger from "./Ledger.ts"

/**
 * @since 0.1.0
 */
export * as Loopback from "./Loopback.ts"

/**
 * @since 0.1.0
 */
export * as ModelFuzz from "./ModelFuzz.ts"

/**
 * @since 0.1.0
 */
export * as ModelScript from "./ModelScript.ts"

/**
 * @since 0.1.0
 */
export * as RequestOnlyModel from "./RequestOnlyModel.ts"

/**
 * @since 0.1.0
 */
export * as ScriptedModel from "./ScriptedModel.ts"

/**
 * @since 0.1.0
 */
export * as Simulation from "./Simulation.ts"

/**
 * @since 0.1.0
 */
export * as Timeline from "./Timeline.ts"

/**
 * @since 0.1.0
 */
export * as Validator from "./Validator.ts"
