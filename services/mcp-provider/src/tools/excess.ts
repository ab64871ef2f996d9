import { isJson } from '@onbehalf/mcp'

// Of a definition of 256 KB one is 16 bytes.
const valuesMax = 16_000
const depthMax = 100

/** In what a value is more than is kept of a server, said after its name; undefined where it is not. */
export const excessOf = (value: unknown, kilobytesMax: number): string | undefined => {
  // First what ends where it has seen enough: what is left to be written then is few values.
  const spread = spreadOf(value, 0, { values: valuesMax })
  if (spread) return spread
  const isLarge = Buffer.byteLength(JSON.stringify(value)) > kilobytesMax * 1024
  return isLarge ? `is larger than ${kilobytesMax} KB` : undefined
}

const spreadOf = (value: unknown, depth: number, left: { values: number }): string | undefined => {
  if (depth > depthMax) return 'is nested too deeply'
  if (left.values === 0) return `has more than ${valuesMax} values`
  left.values -= 1
  if (Array.isArray(value)) {
    for (const item of value) {
      const spread = spreadOf(item, depth + 1, left)
      if (spread) return spread
    }
  } else if (isJson(value)) {
    // Not by Object.values: of a million members it takes three times as long before the first is looked at.
    for (const key of Object.keys(value)) {
      const spread = spreadOf(value[key], depth + 1, left)
      if (spread) return spread
    }
  }
  return undefined
}
