//! Names of the cipher suites that can be negotiated. The library's own table has all that there are: 30 KB more of program.

use iofog_tls::rustls::CipherSuite;

const NAMES: [(CipherSuite, &str); 9] = [
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS13_AES_128_GCM_SHA256"),
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS13_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS13_CHACHA20_POLY1305_SHA256"),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ),
];

/// The name of a suite; empty for one that is never negotiated.
pub(super) fn name(suite: CipherSuite) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == suite).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use iofog_tls::rustls::crypto::ring::ALL_CIPHER_SUITES;

    use super::{NAMES, name};

    #[test]
    fn every_suite_of_the_library_has_its_name() {
        assert_eq!(ALL_CIPHER_SUITES.len(), NAMES.len());
        for suite in ALL_CIPHER_SUITES {
            assert_eq!(Some(name(suite.suite())), suite.suite().as_str());
        }
    }
}
