// An OpenID provider on loopback: `node provider.mjs PORT CLIENT_ID SECRET REDIRECT_URI`. Says so once it listens.
//
// Its people have no passwords: whoever sends X-Person is that person. Their e-mails, in a domain where nobody else's
// are, are verified unless they end in ".invalid". X-Refuse stands for somebody who presses "no".

import { generateKeyPairSync } from 'node:crypto';

import { Provider } from 'oidc-provider';

const [port, client_id, client_secret, redirect_uri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri] }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'first', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['only for the tests'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['given_name', 'family_name'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      email: `${sub}@provider.example.${sub.startsWith('un') ? 'invalid' : 'com'}`,
      email_verified: !sub.startsWith('un'),
      given_name: sub,
      family_name: 'Real',
    }),
  }),
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const { params } = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.get('X-Refuse')) {
    return provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied' });
  }
  const accountId = ctx.get('X-Person');
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(ctx.req, ctx.res, result);
});

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
