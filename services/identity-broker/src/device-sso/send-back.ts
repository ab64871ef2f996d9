import type { SignInState } from '../sign-in/state.ts'

type Result<Issued> = { issued: Issued | undefined; return_to: string; failure?: unknown }

/**
 * Finishes what was begun. Where that was for a device, what goes wrong is said there, in a word and no more: its page
 * tells people how to go on.
 */
export const orSendBack = async <Issued>(
  { device_sso }: SignInState,
  finish: () => Promise<Result<Issued>>
): Promise<Result<Issued>> => {
  if (!device_sso) return finish()
  return finish().catch((failure: unknown) => ({
    issued: undefined,
    return_to: `${device_sso.return_url}?sso_error=sso_failed`,
    failure
  }))
}
