#!/usr/bin/env bash
# Make what deploy/compose.yaml mounts as secrets, one file each. What is there already stays as it is.
#   deploy/secrets.sh [DIRECTORY]
# Whoever may enter the directory may read them: in the containers each service is another user.
set -euo pipefail
directory=${1:-$(dirname -- "${BASH_SOURCE[0]}")/secrets}
umask 022
mkdir -p -- "$directory"
chmod 700 -- "$directory"
cd -- "$directory"

keep() {
    if [ ! -s "$1" ]; then cat >"$1"; fi
}

openssl rand -hex 32 | keep SECRET_KEY
openssl rand -base64 18 | keep FIRST_SUPERUSER_PASSWORD
openssl rand -hex 24 | keep POSTGRES_PASSWORD
echo "postgresql+psycopg2://larder:$(<POSTGRES_PASSWORD)@db:5432/larder" | keep DATABASE_URL

# Until there is a real certificate, put in the place of these two, one that browsers warn of.
if [ ! -s certificate.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 365 \
        -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -out certificate.pem -keyout key.pem
    chmod 644 key.pem
fi
