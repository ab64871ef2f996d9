import type { ErrorCode } from '@onbehalf/errors'
import { html, renewalPath, type View } from '@onbehalf/service-kit'
import type { describeFlow } from '../device-code/find.ts'
import type { Member } from '../users/find.ts'
import { messageFor } from './copy.ts'

export const codeEntry = (csrf: string): View => ({
  title: 'Sign in a device',
  body: html`<h1>Sign in a device</h1>
<p>Type the code that your device shows.</p>
<form method="post" action="/device/continue">
<input type="hidden" name="csrf_token" value="${csrf}">
<label for="user_code">One-time code</label>
<input type="text" id="user_code" name="user_code" placeholder="ABCD-3456" maxlength="64" required autofocus
 autocomplete="off" autocapitalize="characters" spellcheck="false">
<button>Continue</button>
</form>`
})

export type Confirmation = {
  user_code: string
  flow: ReturnType<typeof describeFlow>
  member: Member
  csrf: string
}

export const confirm = ({ user_code, flow, member: { user, tenant }, csrf }: Confirmation): View => ({
  title: 'Approve this device?',
  body: html`<h1>Did you start this?</h1>
<p>A device asks to sign in as you. Approve only if you started it, and the code is the one it shows.</p>
<div class="code">${user_code}</div>
<dl>
<div><dt>Device</dt><dd>${flow.device_label}</dd></div>
<div><dt>Program</dt><dd>${flow.client_id}</dd></div>
<div><dt>From</dt><dd>${flow.created_ip}</dd></div>
<div><dt>Asked at</dt><dd><time datetime="${flow.created_at}">${shownTime(flow.created_at)}</time></dd></div>
<div><dt>Signs in as</dt><dd>${user.name ?? user.email ?? user.id}, ${tenant.name}</dd></div>
<div><dt>May do</dt><dd>everything you may do here</dd></div>
</dl>
<form method="post" action="/device/decide">
<input type="hidden" name="csrf_token" value="${csrf}">
<input type="hidden" name="user_code" value="${user_code}">
<div class="choice">
<button name="decision" value="denied">Deny</button>
<button name="decision" value="approved">Approve</button>
</div>
</form>
<p class="other"><a href="/device?user_code=">Use another code</a></p>`
})

const shownTime = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`

export const approved: View = {
  title: 'Device signed in',
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>Device signed in</h1>
<p>Go back to your device: it goes on by itself. You can close this page.</p>`
}

export const denied: View = {
  title: 'Request denied',
  body: html`<span class="mark bad" aria-hidden="true">✕</span>
<h1>Request denied</h1>
<p>The device was not signed in. You can close this page.</p>`
}

export const failure = (code: ErrorCode): View => {
  const { title, text } = messageFor(code)
  const isOver = code === 'unauthenticated'
  return {
    title,
    body: html`<div role="alert"><h1>${title}</h1>
<p>${text}</p></div>
<a class="button" href="${isOver ? renewalPath('/device') : '/device?user_code='}">${isOver ? 'Go on' : 'Enter a code'}</a>`
  }
}
