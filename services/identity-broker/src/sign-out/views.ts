import { html, type View } from '@onbehalf/service-kit'
import { allowedPath } from '../allowed/path.ts'

type Shown = { person: string; tenant: string; csrf: string; isOfferedAtIdp: boolean }

/** Where somebody signs out without a script. */
export const signOutView = ({ person, tenant, csrf, isOfferedAtIdp }: Shown): View => ({
  title: 'Sign out',
  // The IdP is where the form may lead.
  leadsAway: true,
  body: html`<h1>Sign out?</h1>
<p>You are signed in as ${person}, ${tenant}.</p>
<form method="post" action="/auth/sign-out" class="choices">
<input type="hidden" name="csrf_token" value="${csrf}">
<button name="where" value="here">Sign out in this browser</button>
${isOfferedAtIdp ? html`<button name="where" value="identity_provider" class="quiet">Also at your identity provider</button>` : ''}
<button name="where" value="everywhere" class="quiet">In all my browsers</button>
</form>
<p class="other">What you allowed apps to do while you are away stays allowed until you
<a href="${allowedPath}">take it back</a>.</p>`
})

export const signedOutView = ({ isAtIdp }: { isAtIdp: boolean }): View => ({
  title: 'Signed out',
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>You are signed out</h1>
<p>${isAtIdp ? 'Here, and at your identity provider.' : 'You may still be signed in at your identity provider.'}
You can close this page.</p>`
})

export const signOutFailure = (isOver: boolean): View => ({
  title: 'Not signed out',
  body: html`<div role="alert"><h1>${isOver ? 'This page was open for a while' : 'That did not work'}</h1>
<p>You are not signed out yet. Go on, and sign out on the page that comes.</p></div>
<a class="button" href="/auth/sign-out">Go on</a>`
})
