/**
 * A tool that runs commands.
 *
 * @since 0.1.0
 */
export * as Shell from "./Shell.ts"
