import { type Html, html, renewalPath } from '@onbehalf/service-kit'
import { anotherCodePath, otherAccountPath, pagePath, ssoPath } from '../paths.ts'
import type { Problem } from '../problem.ts'
import type { Message, Texts } from '../texts/texts.ts'

/** How it ended. */
export const ended = ({ title, text }: Message, mark: '✓' | '✕'): Html => html`${markOf(mark)}
${headed(title)}
<p role="status">${text}</p>`

/** What stands in the way, and the one thing to do about it. */
export const stopped = (
  problem: Problem,
  texts: Texts,
  { retry_after_seconds: retryAfterSeconds, href: given }: { retry_after_seconds?: number; href?: string } = {}
): Html => {
  const { title, text } = texts.problems[problem]
  const { href = given ?? pagePath, label } = wayOnOf[problem](texts)
  return html`${markOf('!')}
${headed(title)}
<p role="alert">${text}${retryAfterSeconds === undefined ? '' : ` ${texts.tryAgainIn(Math.ceil(retryAfterSeconds / 60))}`}</p>
<a class="button" href="${href}">${label}</a>`
}

// Focused, so that who cannot see the page hears first what it says.
const headed = (title: string): Html => html`<h1 tabindex="-1" autofocus>${title}</h1>`

const markOf = (mark: string): Html =>
  html`<span class="mark ${mark === '✓' ? 'good' : 'bad'}" aria-hidden="true">${mark}</span>`

type WayOn = (texts: Texts) => { href?: string; label: string }

const code: WayOn = ({ enterCode }) => ({ href: anotherCodePath, label: enterCode })
const again: WayOn = ({ tryAgain }) => ({ href: pagePath, label: tryAgain })
const renewed: WayOn = ({ goOn }) => ({ href: renewalPath(pagePath), label: goOn })

const wayOnOf: Readonly<Record<Problem, WayOn>> = {
  expired: code,
  already_decided: code,
  outcome_unknown: code,
  rate_limited: again,
  lookup_failed: again,
  out_of_date: again,
  signed_out: renewed,
  // Where to is said with the problem.
  not_fresh: ({ signInAgain: label }) => ({ label }),
  members_only: ({ authorize }) => ({ href: otherAccountPath, label: authorize.otherAccount }),
  sso_over: code,
  sso_failed: ({ tryAgain }) => ({ href: ssoPath, label: tryAgain }),
  sso_is_member: ({ chooser }) => ({ href: renewalPath(pagePath), label: chooser.member })
}
