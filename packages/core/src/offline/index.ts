/**
 * A model that needs no key and no network.
 *
 * @since 0.1.0
 */
export * as Offline from "./Offline.ts"
