"""WeCom (企业微信): the assistant in the messenger that teachers already have."""
