"""An OpenID provider: where it sends people to, and what it says of who comes back (OpenID Connect Core 1.0).

Authlib and joserfc check what it says. The packages are imported here only, and this one only where single sign-on is
set up.
"""

from app.clients.openid.client import OpenID as OpenID
