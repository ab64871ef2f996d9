import type { Platform } from '@onbehalf/testkit'
import type { Caller } from '../api.ts'
import { Broken } from '../expect.ts'

/** What the steps of the story hand on to each other. */
export type World = { platform: Platform; callers: Map<string, Caller>; ids: Map<string, string> }

export const callerNamed = ({ callers }: World, name: string): Caller => {
  const caller = callers.get(name)
  if (caller) return caller
  throw new Broken(`nobody called ${name} has come into the story yet`)
}

export const idNamed = ({ ids }: World, name: string): string => {
  const id = ids.get(name)
  if (id) return id
  throw new Broken(`there is no ${name} in the story yet`)
}

/** One step: what is promised, and what shows it; it answers with a line for the reader. */
export type Step = { title: string; run: (world: World) => Promise<string> }
