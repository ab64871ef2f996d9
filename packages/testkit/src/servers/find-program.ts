import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { aptInstall } from './apt-install.ts'

/** Where each server comes from when no npm package brings it. */
const programs = {
  'nats-server': { debianPackage: 'nats-server', brewFormula: 'nats-server', variable: 'NATS_URL' },
  'redis-server': { debianPackage: 'redis-tools', brewFormula: 'redis', variable: 'REDIS_URL' },
  postgres: { debianPackage: undefined, brewFormula: 'postgresql@18', variable: 'DATABASE_URL' },
  caddy: { debianPackage: 'caddy', brewFormula: 'caddy', variable: undefined },
  'chromium-headless-shell': {
    debianPackage: 'chromium-headless-shell',
    brewFormula: 'chromium',
    variable: undefined
  },
  // What the command line meets on a desktop.
  zsh: { debianPackage: 'zsh', brewFormula: 'zsh', variable: undefined },
  fish: { debianPackage: 'fish', brewFormula: 'fish', variable: undefined },
  'dbus-daemon': { debianPackage: 'dbus', brewFormula: 'dbus', variable: undefined },
  'gnome-keyring-daemon': { debianPackage: 'gnome-keyring', brewFormula: 'gnome-keyring', variable: undefined }
} as const

export type Program = keyof typeof programs

export type Progress = (line: string) => void

// Debian's redis-tools carries the whole server under this name; it looks at the name it was started by. Homebrew has the
// whole browser.
const alsoKnownAs: Partial<Record<Program, string>> = {
  'redis-server': 'redis-check-rdb',
  'chromium-headless-shell': 'chromium'
}

const usualDirectories = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/bin',
  '/opt/homebrew/bin',
  '/Applications/Chromium.app/Contents/MacOS'
]

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The first executable of this name on PATH, or in the places a service account's PATH leaves out. */
export const onPath = (name: string, path = process.env.PATH ?? ''): string | undefined =>
  [...path.split(delimiter), ...(path === '' ? [] : usualDirectories)]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable)

const lookUp = (program: Program, path?: string): string | undefined => {
  const other = alsoKnownAs[program]
  return onPath(program, path) ?? (other === undefined ? undefined : onPath(other, path))
}

/** The one line a person gets: every way out, the shortest first. */
export const missingProgramLine = (program: Program): string => {
  const { variable, brewFormula, debianPackage } = programs[program]
  const ways = [
    ...(variable === undefined ? [] : [`set ${variable}`]),
    ...(debianPackage === undefined ? [] : [`run "apt-get install ${debianPackage}" (Debian)`]),
    `run "brew install ${brewFormula}" (macOS)`,
    'use "docker compose up" instead'
  ]
  return `${program} is missing: ${ways.slice(0, -1).join(', ')} or ${ways.at(-1)}`
}

export const canUseApt = (): boolean => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')

export type FindOptions = { onProgress?: Progress | undefined; path?: string; mayInstall?: boolean }

/** Paths of these programs, in order. What is missing is installed together where that is possible, else named. */
export const findPrograms = async (wanted: Program[], options: FindOptions = {}): Promise<string[]> => {
  const { path, mayInstall = canUseApt(), onProgress } = options
  const missing = wanted.filter((program) => lookUp(program, path) === undefined)
  const packages = missing.map((program) => programs[program].debianPackage).filter((name) => name !== undefined)
  if (packages.length > 0 && mayInstall) await aptInstall(packages, onProgress)
  return wanted.map((program) => {
    const found = lookUp(program, path)
    if (found === undefined) throw new Error(missingProgramLine(program))
    return found
  })
}

export const findProgram = async (program: Program, options?: FindOptions): Promise<string> => {
  const [found] = await findPrograms([program], options)
  if (found === undefined) throw new Error(missingProgramLine(program))
  return found
}
