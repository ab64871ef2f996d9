/** A parameter of a tool, as the reference shows it. */
export type Parameter = {
  name: string
  label: Localized
  human_description: Localized
  llm_description: string
  type: ParameterType
  form: 'llm'
  required: boolean
  /** The whole schema, where the type alone says little. */
  input_schema?: unknown
}
export type Localized = { en_US: string; zh_Hans: string; pt_BR: string; ja_JP: string }
type ParameterType = 'string' | 'number' | 'boolean' | 'array' | 'object'

export const localized = (text: string): Localized => ({ en_US: text, zh_Hans: text, pt_BR: text, ja_JP: text })

const depthMax = 10
const typeByWord: ReadonlyMap<unknown, ParameterType> = new Map<unknown, ParameterType>([
  ...(['string', 'number', 'boolean', 'array', 'object'] as const).map((word) => [word, word] as const),
  ...(['integer', 'float'] as const).map((word) => [word, 'number'] as const),
  ['null', 'string']
])

/** The properties of an object's schema; none for any other schema. What is odd about one does not touch the others. */
export const parametersOf = (schema: unknown): Parameter[] => {
  const { type, properties, required } = fieldsOf(schema)
  if (type !== 'object') return []
  const needed: ReadonlySet<unknown> = new Set(Array.isArray(required) ? required : [])
  return Object.entries(fieldsOf(properties)).map(([name, property]) => {
    const { description } = fieldsOf(property)
    const told = typeof description === 'string' ? description : ''
    const kind = typeOf(property, 0) ?? 'string'
    return {
      ...{ name, label: localized(name), human_description: localized(told), llm_description: told },
      ...{ type: kind, form: 'llm', required: needed.has(name) },
      ...(kind === 'array' || kind === 'object' ? { input_schema: property } : {})
    }
  })
}

const typeOf = (schema: unknown, depth: number): ParameterType | undefined => {
  if (depth > depthMax) return 'string'
  const { type, anyOf, oneOf, allOf } = fieldsOf(schema)
  const word = Array.isArray(type) ? type.find((one) => one !== 'null') : type
  const known = typeByWord.get(word)
  if (known) return known
  for (const members of [anyOf, oneOf, allOf]) {
    if (!Array.isArray(members)) continue
    for (const member of members) {
      const found = typeOf(member, depth + 1)
      if (found) return found
    }
  }
  return undefined
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
