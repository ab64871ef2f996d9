import type { ServerResponse } from 'node:http'
import type { OnHeld } from '@onbehalf/mcp'

/** What is held for an answer is held until that is sent, or cannot be any more. */
export const heldUntilSent =
  (response: ServerResponse): OnHeld =>
  (giveBack) => {
    if (response.destroyed) return giveBack()
    // One answer may be made of those of many servers.
    response.setMaxListeners(response.getMaxListeners() + 1)
    response.once('close', giveBack)
  }
