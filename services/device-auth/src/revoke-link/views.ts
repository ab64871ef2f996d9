import { html, type View } from '@onbehalf/service-kit'
import type { ListedToken } from '../device-token/list-store.ts'

export const askView = ({ client_id, device_label, expires_at }: ListedToken, link: string): View => ({
  title: 'Sign this device out?',
  body: html`<h1>Sign this device out?</h1>
<p>Its token ends at once, for whoever has it. The device can sign in again with a new code.</p>
<dl>
<div><dt>Device</dt><dd>${device_label}</dd></div>
<div><dt>Program</dt><dd>${client_id}</dd></div>
<div><dt>Signed in until</dt><dd>${expires_at.toISOString().slice(0, 10)}</dd></div>
</dl>
<form method="post" action="/device/revoke">
<input type="hidden" name="link" value="${link}">
<button>Sign it out</button>
</form>`
})

export const endedView: View = {
  title: 'Device signed out',
  body: html`<h1>Device signed out</h1>
<p>That sign-in is over. You can close this page.</p>`
}

export const problemView = (message: string): View => ({
  title: 'This link does nothing',
  body: html`<div role="alert"><h1>This link does nothing</h1>
<p>${message}</p></div>`
})
