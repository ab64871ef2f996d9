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
  return [...new Set([secret, bytes.toString('hex'), ...aligned, ...urlSafe])]
}

const filesIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== secretsFile)
    .map((entry) => join(entry.parentPath, entry.name))

/** Every place under the directory where a secret that was recorded lies in clear; the secret itself is not named. */
export const findSecrets = (directory: string): string[] => {
  const list = join(directory, secretsFile)
  if (!existsSync(list)) return []
  const secrets = new Set(
    readFileSync(list, 'utf8')
      .split('\n')
      .filter((secret) => secret.length >= 12)
  )
  const wanted = [...secrets].map((secret) => ({ label: `${secret.slice(0, 3)}…`, spellings: spellings(secret) }))
  return filesIn(directory).flatMap((file) => {
    const content = readFileSync(file, 'latin1')
    return wanted
      .filter(({ spellings }) => spellings.some((spelling) => content.includes(spelling)))
      .map(({ label }) => `a secret (${label}) is in clear in ${file.slice(directory.length + 1)}`)
  })
}
