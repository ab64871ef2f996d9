import { type App, describeAnswersAs, sendPage, showErrorsAs, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { failureView } from '../sign-in/views.ts'
import { findInvitation } from './find.ts'
import type { InvitationStore } from './store.ts'
import { acceptedPath, acceptedView, invitationView } from './views.ts'

const Params = Type.Object({ token: Type.String({ maxLength: 256 }) })

type Needs = { invitations: Pick<InvitationStore, 'findByToken'>; now?: () => Date }

/** What the link of an invitation shows. Opening it changes nothing: mail programs open links, too. */
export const invitationPages =
  ({ invitations, now = () => new Date() }: Needs) =>
  async (scope: App) => {
    const routes = typed(scope)
    describeAnswersAs(scope, 'page')
    showErrorsAs(scope, failureView)
    routes.get(acceptedPath, { config: { access: 'public' } }, (_request, reply) => sendPage(reply, acceptedView))
    routes.get(
      '/auth/invitations/:token',
      { config: { access: 'public' }, schema: { params: Params } },
      async ({ params: { token } }, reply) =>
        sendPage(reply, invitationView(await findInvitation(invitations, token, now()), token))
    )
  }
