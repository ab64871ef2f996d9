import { html, type View } from '@onbehalf/service-kit'
import type { FoundInvitation } from './find.ts'

/** Where a browser comes to after its user became a member. */
export const acceptedPath = '/auth/invitations/accepted'

/** Who invites, to what, and as whom to sign in: one button for each way there is. */
export const invitationView = (invitation: FoundInvitation, token: string): View => {
  const { tenant_name, tenant_slug, role, email, connections } = invitation
  const links = connections.map((connection) => {
    const query = new URLSearchParams({ tenant: tenant_slug, connection, invitation: token, return_to: acceptedPath })
    const label = connections.length > 1 ? `Sign in with ${connection}` : 'Sign in and join'
    return html`<p><a class="button" href="/auth/sign-in?${query.toString()}">${label}</a></p>`
  })
  return {
    title: `Join ${tenant_name}`,
    body: html`<h1>Join ${tenant_name}</h1>
<p>You are invited to be ${role === 'member' ? 'a member' : `an ${role}`} of <strong>${tenant_name}</strong>.</p>
<p>The invitation is for <strong>${email}</strong>: sign in as that person. It works once.</p>
${links}`
  }
}

export const acceptedView: View = {
  title: 'Welcome',
  body: html`<span class="mark good" aria-hidden="true">✓</span>
<h1>You are a member now</h1>
<p>Your sign-in worked and the invitation is used. You can close this page.</p>`
}
