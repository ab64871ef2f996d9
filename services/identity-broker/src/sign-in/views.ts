import type { ReportedError } from '@onbehalf/errors'
import { html, type View } from '@onbehalf/service-kit'

/** Where several organisations sign in and the address names none. */
export const organisationView = (returnTo: string): View => ({
  title: 'Sign in',
  leadsAway: true,
  body: html`<h1>Which organisation?</h1>
<p>Type the short name of your organisation. You sign in with its own identity provider.</p>
<form method="get" action="/auth/sign-in">
<input type="hidden" name="return_to" value="${returnTo}">
<label for="tenant">Organisation</label>
<input type="text" id="tenant" name="tenant" pattern="[a-z0-9\\-]+" maxlength="64" required autofocus
 autocomplete="organization" autocapitalize="none" spellcheck="false" class="plain">
<button>Continue</button>
</form>`
})

/** A sign-in that did not work, in the words that are safe to read. */
export const failureView = ({ code, message }: Pick<ReportedError, 'code' | 'message'>, requestId: string): View => ({
  title: 'Not signed in',
  body: html`<span class="mark bad" aria-hidden="true">!</span>
<h1>That did not work</h1>
<p>${message}</p>
<p><small>${code} · ${requestId}</small></p>`
})
