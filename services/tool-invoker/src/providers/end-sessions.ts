import { deviceChanges, identityChanges, type ProviderChange, providerChanges } from '@onbehalf/contracts'
import type { McpClient } from '@onbehalf/mcp'
import { type Bus, readFeed } from '@onbehalf/rpc'

/** Ends the sessions at legacy servers that belong to what has changed: a user, an app, a grant, a device token, a provider. */
export const endSessionsOnChange = (bus: Bus, { endSessions }: Pick<McpClient, 'endSessions'>) => {
  const onChange = ({ id }: { id: string }) => endSessions((sessionKey) => sessionKey.includes(id))
  // What may have been missed is harmless here: a session is reached only by who still gets its credential.
  const onReset = () => {}
  const onProviderChange = (change: ProviderChange) => {
    if (change.kind === 'provider') onChange(change)
  }
  const readers = [
    readFeed(bus, identityChanges, { onChange, onReset }),
    readFeed(bus, deviceChanges, { onChange, onReset }),
    readFeed(bus, providerChanges, { onChange: onProviderChange, onReset })
  ]
  return {
    close: () => {
      for (const reader of readers) reader.close()
    }
  }
}
