let lastMs = Number.NaN
let lastText = ''

/** A moment, in milliseconds since the epoch, as RFC 3339 has it: many ask for the same one. */
export const timeText = (ms: number): string => {
  if (ms === lastMs) return lastText
  lastText = new Date(ms).toISOString()
  lastMs = ms
  return lastText
}
