import { story, type World } from '@onbehalf/acceptance'
import type { Platform } from '@onbehalf/testkit'

export const say = (line: string): void => console.log(line)

export const secondsSince = (from: number): string => `${((performance.now() - from) / 1000).toFixed(1)} s`

/** Runs the main job step by step, each with a tick and its time; answers whether every step held. */
export const tellStory = async (world: World, logDirectory: string): Promise<boolean> => {
  for (const [index, { title, run }] of story.entries()) {
    const from = performance.now()
    try {
      const line = await run(world)
      say(`✓ ${index + 1}. ${title} (${secondsSince(from)})\n     ${line}`)
    } catch (error) {
      say(`✗ ${index + 1}. ${title} (${secondsSince(from)})`)
      say(`     ${error instanceof Error ? error.message : String(error)}`)
      say(`     the services' logs are in ${logDirectory}`)
      return false
    }
  }
  return true
}

export const tellUrls = ({ publicUrl, idp, whoami, everything }: Platform): void => {
  say(`\nOnbehalf is up at ${publicUrl}`)
  say(`  sign in as olivia (owner) or ann (member): ${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`)
  say(`  sign in a terminal (organisation acme)   : ${publicUrl}/device`)
  say(`  demo IdP ${idp.issuer}, MCP servers ${whoami.url} and ${everything.url}`)
  say('  Ctrl-C stops everything.')
}
