#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Makes the secrets of compose.yaml, in dist/compose/secrets, once. Those that are there stay.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

# 40 hexadecimal digits.
random() {
    od -An -N20 -tx1 /dev/urandom | tr -d ' \n'
}

# keep NAME TEXT
keep() {
    [ -s "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"
    # Containers read them as a user of their own.
    chmod 644 "secrets/$1"
}

broker=$(random)
if [ ! -s secrets/rabbitmq.conf ]; then
    keep rabbitmq.conf "default_user = sonicd
default_pass = $broker
"
    rm -f secrets/SONICD_AMQP_URL
    keep SONICD_AMQP_URL "amqp://sonicd:$broker@rabbitmq:5672/%2f"
fi
keep AWS_ACCESS_KEY_ID sonicd
keep AWS_SECRET_ACCESS_KEY "$(random)"
keep SONICD_SECRET "$(random)"
# One line an owner; the token itself is printed once.
if [ ! -s secrets/tokens ]; then
    token=$(random)
    keep tokens "me: $(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)
"
    printf 'The token of the owner "me", which is kept nowhere: %s\n' "$token"
fi
