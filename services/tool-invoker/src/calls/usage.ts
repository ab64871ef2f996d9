type Json = Record<string, unknown>

/** What a call cost, in the reference's words; of these only what the server told, and `total_tokens`. */
export type Usage = Json

const tokens = ['prompt_tokens', 'completion_tokens', 'total_tokens'] as const
const known = [
  ...tokens,
  ...['prompt_unit_price', 'completion_unit_price', 'prompt_price_unit', 'completion_price_unit'],
  ...['prompt_price', 'completion_price', 'total_price', 'currency'],
  ...['latency', 'time_to_first_token', 'time_to_generate']
]
const textMax = 100
// The server decides how deep and wide its metadata is.
const placesMax = 1_000

/**
 * The usage a result tells of in its `_meta`: as `usage`, as `metadata.usage`, as plain members, or the first of these
 * further inside.
 */
export const usageOf = ({ _meta }: Json): Usage | undefined => {
  const queue: unknown[] = [_meta]
  for (let place = 0; place < queue.length && place < placesMax; place += 1) {
    const at = queue[place]
    const found = isObject(at) ? usageAt(at) : undefined
    if (found && Object.keys(found).length > 0) return withTotal(found)
    if (Array.isArray(at)) queue.push(...at.slice(0, placesMax))
    else if (isObject(at)) for (const name of Object.keys(at).slice(0, placesMax)) queue.push(at[name])
  }
  return undefined
}

const usageAt = (at: Json): Usage | undefined => {
  if (isObject(at.usage)) return knownOf(at.usage)
  if (isObject(at.metadata) && isObject(at.metadata.usage)) return knownOf(at.metadata.usage)
  return tokens.some((name) => isCount(at[name])) ? knownOf(at) : undefined
}

const knownOf = (given: Json): Usage =>
  Object.fromEntries(known.filter((name) => isPlain(given[name])).map((name) => [name, given[name]]))

const withTotal = (usage: Usage): Usage => {
  const { prompt_tokens: prompt = 0, completion_tokens: completion = 0, total_tokens: total } = usage
  const isTold = usage.prompt_tokens !== undefined || usage.completion_tokens !== undefined
  if (total || !isTold || !isCount(prompt) || !isCount(completion)) return usage
  return { ...usage, total_tokens: prompt + completion }
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number => typeof value === 'number'
const isPlain = (value: unknown): boolean =>
  typeof value === 'number' || (typeof value === 'string' && value.length <= textMax)
