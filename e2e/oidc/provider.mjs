// A certified OpenID provider (the npm package oidc-provider) for e2e/oidc.py, on loopback, with the
// people, clients and keys of the JSON file it is given. Its own development pages ask who one is.
// usage: node provider.mjs SETTINGS.json    (with the package installed beside it)

import { readFileSync } from 'node:fs';
import * as oidc from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const Provider = oidc.Provider ?? oidc.default;

const provider = new Provider(settings.issuer, {
  clients: settings.clients,
  jwks: { keys: settings.keys },
  cookies: { keys: ['a key for the cookies of a test'] },
  claims: { openid: ['sub', 'sid'], email: ['email', 'email_verified'], profile: ['name'] },
  features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
  pkce: { required: () => true },
  async findAccount(context, sub) {
    const person = settings.people[sub];
    return person && { accountId: sub, claims: async () => ({ sub, ...person }) };
  },
  // both ends are on loopback, which is refused otherwise
  fetch: (url, options) => {
    delete options.dispatcher;
    return globalThis.fetch(url, options);
  },
});

provider.on('server_error', (context, error) => console.error('server_error', error));
provider.on('backchannel.error', (context, error) => console.error('backchannel', error));
provider.listen(settings.port, '127.0.0.1', () => console.log('listening'));
