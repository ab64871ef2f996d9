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

/** A sign-in that another site began in a browser where somebody is signed in; `path` is where it goes on. */
export const sentHereView = ({ tenant, path }: { tenant: string | undefined; path: string }): View => ({
  title: 'Sign in',
  leadsAway: true,
  body: html`<h1>Sign in again?</h1>
<p>Another page sent you here to sign in${tenant ? html` at <strong>${tenant}</strong>` : ''}. You are signed in already;
 going on ends that, and what you do next is done as who you sign in as then.</p>
<a class="button" href="${path}">Go on</a>
<p class="other">If you did not expect this, close the page: nothing happens.</p>`
})

/** A sign-in that did not work, in the words that are safe to read. */
export const failureView = ({ code, message }: Pick<ReportedError, 'code' | 'message'>, requestId: string): View => ({
  title: 'Not signed in',
  body: html`<span class="mark bad" aria-hidden="true">!</span>
<h1>That did not work</h1>
<p>${message}</p>
<p><small>${code} · ${requestId}</small></p>`
})
