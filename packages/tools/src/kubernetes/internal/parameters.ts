/**
 * What the schemas of several tools of the family have in common.
 *
 * @internal
 */
import * as Schema from "effect/Schema"

/** Go encodes what is absent as nothing or as null. @internal */
export const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

/** @internal */
export const isLabel = (text: string): boolean => label.test(text) && text.length <= 63

/** @internal */
export const Namespace = Schema.String.annotate({
  description: "Kubernetes namespace",
  examples: ["production", "kube-system"]
}).check(Schema.isPattern(label), Schema.isMaxLength(63))

/** Names of containers. @internal */
export const Label = Schema.String.check(Schema.isPattern(label), Schema.isMaxLength(63))

/** Names of objects, such as pods. @internal */
export const Name = Schema.String.check(
  Schema.isPattern(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/),
  Schema.isMaxLength(253)
)

/** @internal */
export const LabelSelector = Schema.optionalKey(
  Schema.String.annotate({
    description: "Only those whose labels match this label selector",
    examples: ["app=web", "tier in (web,api),app!=cart"]
  }).check(Schema.isNonEmpty(), Schema.isMaxLength(1000))
)
