"""What a name means to an application in a namespace, and who said so.

`resolve` is the sense. The container's own files are read through `rootfs`, questions
are asked by `dns_ask` and searched as glibc would by `dns_search`; `rfc6724` orders.
"""
