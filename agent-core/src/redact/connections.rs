//! Passwords where programs are told how to connect: database drivers' own forms, files of passwords, SQL, and the commands that
//! take them without a name.

use regex::Captures;

use super::{named::is_secret_value, rule::Rule};

/// Name, what is seen first, and the pattern.
const FORMS: &[(&str, &str, &str)] = &[
    // https://github.com/go-sql-driver/mysql#dsn-data-source-name
    (
        "go_dsn",
        r"@(?:tcp6?|udp|unix|cloudsql[a-z]*)\(",
        r#"(?-u:\b)[\w.+-]+:(?P<v>[^\s"'`]+)@(?:tcp6?|udp|unix|cloudsql[a-z]*)\("#,
    ),
    // https://docs.oracle.com/en/database/oracle/oracle-database/19/jjdbc/data-sources-and-URLs.html
    ("oracle_jdbc", r"(?i)jdbc:oracle:", r#"(?i)jdbc:oracle:\w+:[^/\s"']+/(?P<v>[^\s"']+)@"#),
    (
        "sqlplus",
        r"(?i)(?:sqlplus|sqlldr|expdp|impdp|exp|imp|rman)\s",
        r#"(?i)(?-u:\b)(?:sqlplus|sqlldr|expdp|impdp|exp|imp|rman)\s[^|\n]*?(?-u:\b)[\w$#]+/(?P<v>[^\s@"'/]+)@"#,
    ),
    // A driver without a scheme: user, password, host, port.
    (
        "user_password_host",
        r"@[A-Za-z0-9.-]+:\d",
        r#"(?-u:\b)[A-Za-z][\w.-]*:(?P<v>[^\s:/@"'=]{3,})@[A-Za-z0-9][\w.-]*:\d{2,5}(?-u:\b)"#,
    ),
    // https://www.postgresql.org/docs/current/libpq-pgpass.html
    (
        "pgpass",
        r"(?m)^[^\s:]+:(?:5432|5433|6432|26257|\*):",
        r"(?m)^[^\s:]+:(?:5432|5433|6432|26257|\*):[^\s:]+:[^\s:]+:(?P<v>\S+)$",
    ),
    // https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
    ("netrc", r"(?i)login\s", r"(?i)(?-u:\b)login\s+\S+\s+password\s+(?P<v>\S+)"),
    // https://dev.mysql.com/doc/refman/8.4/en/create-user.html, Oracle, MariaDB
    (
        "sql_identified",
        r"(?i)identified\s",
        r#"(?i)identified\s+(?:with\s+\S+\s+)?(?:by|as|using)\s+(?:(?:values|password)\s*\(?\s*)?(?:'(?P<v>[^'\r\n]+)|["`]?(?P<w>[^\s"'`;,)]+))"#,
    ),
    // https://www.postgresql.org/docs/current/sql-createrole.html, https://learn.microsoft.com/sql/t-sql/statements/create-login-transact-sql
    ("sql_password", r"(?i)password\s*\(?\s*'", r"(?i)(?-u:\b)password\s*\(?\s*'(?P<v>[^'\r\n]+)"),
    (
        "redis_auth",
        r"(?i)(?-u:\b)auth\s",
        r#"(?m)(?:^|[>"'\]]\s?|\s)AUTH\s+(?:(?:default|[a-z]\w*)\s+)?["']?(?P<v>[^\s"']{3,})["']?\s*(?:$|\n)"#,
    ),
    (
        "mysql",
        r"(?i)(?:mysql|mariadb)[a-z]*\s",
        r#"(?i)(?-u:\b)(?:mysql|mariadb)[a-z-]*(?:\s[^|;\n]*?)?\s-p(?-i:)["']?(?P<v>[^\s"'|;]{3,})"#,
    ),
    (
        "redis_settings",
        r"requirepass|masterauth|auth-pass",
        r#"(?:requirepass|masterauth|auth-pass\s+\S+)\s+["']?(?P<v>[^\s"']+)"#,
    ),
    ("redis_cli", r"redis-cli\s", r#"redis-cli(?:\s[^|;\n]*?)?\s-a\s*["']?(?P<v>[^\s"']+)"#),
    ("sshpass", r"sshpass\s", r#"sshpass\s[^|;\n]*?-p\s*["']?(?P<v>[^\s"']+)"#),
    (
        "curl",
        r"(?:curl|http|wget)\s",
        r#"(?:curl|http|wget)(?:\s[^|;\n]*?)?\s(?:-u|--user|-a|--auth|--proxy-user|-U)[ =]?["']?[^\s:"']+:(?P<v>[^\s"']+)"#,
    ),
    ("curl_cookie", r"curl\s", r#"curl(?:\s[^|;\n]*?)?\s(?:-b|--cookie)[ =]?["']?(?P<v>[^\s"'=]+=[^"'\n]+)"#),
    (
        "login",
        r"(?-u:\b)(?:login|mongo[a-z]*|sqlcmd|bcp|ipmitool|az)\s",
        r#"(?-u:\b)(?:login|mongo\w*|sqlcmd|bcp|ipmitool|az)(?:\s[^|;\n]*?)?\s-[pP]\s*["']?(?P<v>[^\s"'-][^\s"']{2,})"#,
    ),
    (
        "ldap",
        r"ldap(?:search|add|modify|whoami|passwd|delete)\s",
        r#"ldap\w+(?:\s[^|;\n]*?)?\s-w\s*["']?(?P<v>[^\s"']+)"#,
    ),
    (
        "openssl",
        r"(?i)(?:^|\s)(?:-pass(?:in|out)?\s+)?pass:",
        r#"(?:-pass(?:in|out)?\s+)["']?pass:(?P<v>[^\s"']+)"#,
    ),
    (
        "chpasswd",
        r"chpasswd|passwd --stdin",
        r#"echo\s+["']?(?:[\w.-]+:)?(?P<v>[^\s"'|]+)["']?\s*\|\s*(?:sudo\s+)?(?:chpasswd|passwd --stdin)"#,
    ),
    (
        "rabbitmq",
        r"rabbitmqctl\s",
        r#"rabbitmqctl\s+[^|;\n]*?(?:add_user|change_password)\s+\S+\s+["']?(?P<v>[^\s"']+)"#,
    ),
    ("htpasswd", r"htpasswd\s", r#"htpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+["']?(?P<v>[^\s"']+)"#),
    (
        "smb",
        r"(?:smbclient|rpcclient|mount\.cifs)\s",
        r#"(?:smbclient|rpcclient|mount\.cifs)\s[^|;\n]*?-U\s*["']?[^\s%]+%(?P<v>[^\s"']+)"#,
    ),
    ("kubeadm", r"[a-z0-9]{6}\.[a-z0-9]{16}", r"--token[ =](?P<v>[a-z0-9]{6}\.[a-z0-9]{16})"),
    (
        "wireguard",
        r"(?:PrivateKey|PresharedKey)\s*=",
        r"(?:PrivateKey|PresharedKey)\s*=\s*(?P<v>[A-Za-z0-9+/]{43}=)",
    ),
];

/// Returns the rules for connections and commands.
pub(super) fn rules() -> Vec<Rule> {
    let forms =
        FORMS.iter().map(|(name, sign, pattern)| Rule::new(name, "secret", *sign, *pattern).when(is_value));
    let mut rules: Vec<Rule> = forms.collect();
    // A row that is put in: all its values, since it takes a reader of SQL to tell which.
    rules.push(Rule::new(
        "sql_row",
        "secret",
        r"(?i)insert\s+into",
        r"(?i)insert\s+into[^()]*\([^()]*(?:passw|pwd|secret|token|api_key|credential)[^()]*\)\s*values\s*\((?P<v>[^()]*)\)",
    ));
    rules
}

fn is_value(found: &Captures<'_>) -> bool {
    found
        .name("v")
        .or_else(|| found.name("w"))
        .is_some_and(|value| is_secret_value("password", value.as_str()))
}
