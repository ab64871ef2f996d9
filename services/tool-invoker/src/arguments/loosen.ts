/** What a keyword or a schema became; `isExact` where it takes no value that the one given would refuse. */
export type Copied = { copy: unknown; isExact: boolean }

/** The keywords of one schema that could be copied. */
export type Members = Map<string, Copied>

/** What refuses no value, by the standard (JSON Schema 2020-12 Core, Validation). */
const annotations = new Set([
  ...['$schema', '$id', '$anchor', '$comment', '$vocabulary', 'title', 'description', 'default', 'examples'],
  ...['deprecated', 'readOnly', 'writeOnly', 'contentEncoding', 'contentMediaType', 'contentSchema']
])
const isAnnotation = (name: string): boolean => annotations.has(name) || name.startsWith('x-')

/** What `unevaluatedProperties` and `unevaluatedItems` count on: whose schemas look at members and items. */
const evaluating = new Set([
  ...[
    'properties',
    'patternProperties',
    'additionalProperties',
    'dependentSchemas',
    'prefixItems',
    'items',
    'contains'
  ],
  ...['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else']
])

/**
 * Where a part of a schema became looser, or is gone, takes out the keywords that would now refuse more than the schema given
 * does: `not`, `oneOf`, `if` and others. `isBlind` where fewer members and items are looked at by that.
 */
export const loosen = (given: object, members: Members): { isExact: boolean; isBlind: boolean } => {
  const names = Object.keys(given)
  const isLoose = (name: string) => members.get(name)?.isExact === false
  const isGone = (name: string) => names.includes(name) && !members.has(name)

  if (isLoose('not')) members.delete('not')
  if (isLoose('contains')) members.delete('maxContains')
  if (isLoose('if')) for (const name of ['if', 'then', 'else']) members.delete(name)
  if (isGone('properties') || isGone('patternProperties')) members.delete('additionalProperties')
  if (isGone('prefixItems')) members.delete('items')
  const isExact = names.every((name) => isAnnotation(name) || members.get(name)?.isExact === true)
  // Ajv does not look at items for `contains` that any number of them may fit.
  const isBlind = isLoose('contains') || names.some((name) => evaluating.has(name) && isGone(name))
  const branches = members.get('oneOf')
  if (isExact || branches?.isExact !== false) return { isExact, isBlind }
  members.delete('oneOf')
  // Of those one at least takes it.
  const isReplaced = !members.has('anyOf')
  if (isReplaced) members.set('anyOf', branches)
  return { isExact, isBlind: isBlind || !isReplaced }
}
