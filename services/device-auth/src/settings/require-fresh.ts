import { ReportedError } from '@onbehalf/errors'
import type { SettingStore } from './store.ts'

export type FreshTools = { settings: Pick<SettingStore, 'find'>; publicUrl: string }

/** Whose tenant says how long ago they may have signed in; `auth_time` in seconds, undefined where nobody knows. */
type SignedIn = { tenant_id: string; auth_time?: number | undefined }

/** A path of ours that leads through the IdP, which is told how long ago somebody may have signed in there. */
export type SignInPath = (asked: { tenant: string; max_age: string }) => string

/**
 * Before somebody approves a device: throws `insufficient_user_authentication` where their tenant wants a fresher sign-in,
 * and says where to get one.
 */
export const requireFresh = async (
  { tenant_id, auth_time }: SignedIn,
  pathOf: SignInPath,
  { settings, publicUrl }: FreshTools
): Promise<void> => {
  const { approval_max_age: seconds } = await settings.find(tenant_id)
  if (seconds === null || (auth_time !== undefined && Date.now() / 1000 - auth_time <= seconds)) return
  const max_age = String(seconds)
  throw new ReportedError(
    'insufficient_user_authentication',
    `Your organisation wants a sign-in of the last ${seconds} seconds before a device is approved. Sign in again at the connect_url.`,
    {
      connect_url: `${publicUrl}${pathOf({ tenant: tenant_id, max_age })}`,
      details: [{ path: 'max_age', message: max_age }]
    }
  )
}

/** For a member, who comes back to `return_to`. */
export const memberSignIn =
  (return_to: string): SignInPath =>
  (asked) =>
    `/auth/sign-in?${new URLSearchParams({ ...asked, return_to })}`

export const isNotFresh = (error: unknown): boolean =>
  error instanceof ReportedError && error.code === 'insufficient_user_authentication'
