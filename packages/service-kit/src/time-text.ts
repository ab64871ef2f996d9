// Moments that are asked for together lie close together.
const kept = 64
const moments = new Array<number>(kept).fill(Number.NaN)
const texts = new Array<string>(kept).fill('')

/** A moment, in milliseconds since the epoch, as RFC 3339 has it: many ask for the same one, or for one of a few. */
export const timeText = (ms: number): string => {
  const place = ms & (kept - 1)
  if (moments[place] === ms) return texts[place] ?? ''
  const text = new Date(ms).toISOString()
  moments[place] = ms
  texts[place] = text
  return text
}
