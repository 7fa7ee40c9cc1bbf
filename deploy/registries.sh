# What a build step sources to reach the package registries; says nothing where no secret is given.
# Both secrets are optional: `ca`, a bundle of certificates for a network that has its own, and
# `index`, the address of a package index other than PyPI. Neither stays in a layer.
if [ -s /run/secrets/ca ]; then
  export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca
fi
if [ -s /run/secrets/index ]; then
  UV_DEFAULT_INDEX=$(cat /run/secrets/index)
  export UV_DEFAULT_INDEX PIP_INDEX_URL="$UV_DEFAULT_INDEX"
fi
