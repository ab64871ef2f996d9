import { ReportedError } from '@onbehalf/errors'
import type { Quirk } from '../vocabulary.ts'

/** What was looked at, whether it is as it should be, and what that means or what to do. */
export type Finding = { check: string; ok: boolean; message: string }

/** Everything that was found, and the switches the IdP seems to need besides those that are set. */
export type Findings = { checks: Finding[]; quirks: Quirk[] }

/** The words of a refusal, for a list that an administrator reads; what nobody expected is not repeated. */
export const wordsOf = (cause: unknown): string =>
  cause instanceof ReportedError ? cause.message : 'It could not be looked at.'

/** Does `work`, and says in words where it throws. */
export const attempt = async (check: string, work: () => Promise<string>): Promise<Finding> => {
  try {
    return { check, ok: true, message: await work() }
  } catch (cause) {
    return { check, ok: false, message: wordsOf(cause) }
  }
}
