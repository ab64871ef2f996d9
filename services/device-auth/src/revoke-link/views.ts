import { html, type View } from '@onbehalf/service-kit'
import type { ListedToken } from '../device-token/list-store.ts'
import type { RevokeTexts } from './texts.ts'

export const askView = (
  { client_id, device_label, expires_at }: ListedToken,
  link: string,
  { title, text, device, program, until, go }: RevokeTexts
): View => ({
  title,
  body: html`<h1>${title}</h1>
<p>${text}</p>
<dl>
<div><dt>${device}</dt><dd>${device_label}</dd></div>
<div><dt>${program}</dt><dd>${client_id}</dd></div>
<div><dt>${until}</dt><dd>${expires_at.toISOString().slice(0, 10)}</dd></div>
</dl>
<form method="post" action="/device/revoke">
<input type="hidden" name="link" value="${link}">
<button>${go}</button>
</form>`
})

export const endedView = ({ ended, endedText }: RevokeTexts): View => ({
  title: ended,
  body: html`<h1>${ended}</h1>
<p>${endedText}</p>`
})

export const problemView = (message: string, { nothing }: RevokeTexts): View => ({
  title: nothing,
  body: html`<div role="alert"><h1>${nothing}</h1>
<p>${message}</p></div>`
})
