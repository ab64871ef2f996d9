import { callAsUser, signInTerminal } from './calls.ts'
import { registerProviders, switchForwardingOn } from './providers.ts'
import { refreshOnce, refuseWithoutIdentity } from './refreshes.ts'
import type { Step } from './world.ts'

/** The main job, step by step: everything goes over HTTP through the gateway. */
export const story: readonly Step[] = [
  registerProviders,
  switchForwardingOn,
  callAsUser,
  signInTerminal,
  refreshOnce,
  refuseWithoutIdentity
]
