import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const secretsFile = 'secrets.txt'

/** A secret as it could lie somewhere: as it is, and its bytes in base64 (all three alignments) and hex. */
const spellings = (secret: string): string[] => {
  const bytes = Buffer.from(secret)
  const aligned = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // The first and last letters also depend on the neighbours.
    return text.slice(shift === 0 ? 0 : shift + 1, -2)
  })
  const urlSafe = aligned.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [...new Set([bytes.toString('latin1'), bytes.toString('hex'), ...aligned, ...urlSafe])]
}

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== secretsFile)
    .map((entry) => join(entry.parentPath, entry.name))

// A spelling is found by its beginning: one table says, for eight bytes, whether any spelling may begin so.
const beginning = 8
const tableBits = 22
const slotOf = (first: number, second: number): number =>
  Math.imul(Math.imul(first, 0x85ebca6b) ^ second, 0x9e3779b1) >>> (32 - tableBits)

type Spelling = { text: string; label: string }

const indexOf = (secrets: Iterable<string>) => {
  const slots = new Uint8Array(2 ** tableBits)
  const byBeginning = new Map<string, Spelling[]>()
  for (const secret of secrets) {
    for (const text of spellings(secret)) {
      const key = text.slice(0, beginning)
      const bytes = Buffer.from(text, 'latin1')
      slots[slotOf(bytes.readInt32LE(0), bytes.readInt32LE(4))] = 1
      byBeginning.set(key, [...(byBeginning.get(key) ?? []), { text, label: `${secret.slice(0, 3)}…` }])
    }
  }
  return { slots, byBeginning }
}

/**
 * The labels of the secrets whose spellings lie in these bytes, in one pass: a suite uses ten thousands of secrets, and
 * to look for one after the other takes minutes.
 */
const labelsIn = (bytes: Buffer, { slots, byBeginning }: ReturnType<typeof indexOf>): Set<string> => {
  const labels = new Set<string>()
  let first = 0
  let second = 0
  for (let end = 0; end < bytes.length; end += 1) {
    first = (first >>> 8) | (second << 24)
    second = (second >>> 8) | ((bytes[end] ?? 0) << 24)
    if (slots[slotOf(first, second)] === 0) continue
    const at = end - beginning + 1
    for (const { text, label } of byBeginning.get(bytes.toString('latin1', at, at + beginning)) ?? []) {
      if (bytes.toString('latin1', at, at + text.length) === text) labels.add(label)
    }
  }
  return labels
}

/** Every place under the directory where a secret that was recorded lies in clear; the secret itself is not named. */
export const findSecrets = (directory: string): string[] => {
  const list = join(directory, secretsFile)
  if (!existsSync(list)) return []
  const recorded = readFileSync(list, 'utf8').split('\n')
  const index = indexOf(new Set(recorded.filter((secret) => secret.length >= 12)))
  return filesIn(directory).flatMap((file) =>
    [...labelsIn(readFileSync(file), index)].map(
      (label) => `a secret (${label}) is in clear in ${file.slice(directory.length + 1)}`
    )
  )
}
