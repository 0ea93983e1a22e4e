//! Address arithmetic, with the results of Terraform's functions of the same names.
//!
//! Both families are computed as numbers of 128 bits. Numbers below zero for a subnet, which Terraform
//! takes for something else than what is written, are errors here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use minijinja::value::{Rest, Value, from_args};
use minijinja::{Error, ErrorKind};

use super::super::params::Scope;

fn refuse(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// A block of addresses; the bits beyond the prefix are zero.
struct Block {
    first: u128,
    prefix: u8,
    /// 32 or 128.
    width: u8,
}

impl Block {
    fn parse(text: &str) -> Result<Self, Error> {
        let net: IpNet = text.parse().map_err(|_| {
            refuse("the first argument is no block of addresses, like 10.0.0.0/16 or fd00::/8")
        })?;
        let first = match net.network() {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        Ok(Self { first, prefix: net.prefix_len(), width: net.max_prefix_len() })
    }

    /// The last of its addresses.
    fn last(&self) -> u128 {
        self.first | ones(self.width - self.prefix)
    }

    /// The prefix of a block within that is smaller by so many bits.
    fn longer(&self, bits: i64) -> Result<u8, Error> {
        let room = self.width - self.prefix;
        match u8::try_from(bits) {
            Ok(bits) if bits <= room => Ok(self.prefix + bits),
            _ => Err(refuse(format!("the prefix can be longer by 0 to {room} bits"))),
        }
    }

    /// As people write it, or the address alone without a prefix.
    fn show(&self, address: u128, prefix: Option<u8>) -> String {
        let address = match u32::try_from(address) {
            Ok(number) if self.width == 32 => IpAddr::V4(Ipv4Addr::from(number)),
            _ => IpAddr::V6(Ipv6Addr::from(address)),
        };
        match prefix {
            Some(prefix) => format!("{address}/{prefix}"),
            None => address.to_string(),
        }
    }
}

/// A number whose lowest bits are ones.
fn ones(bits: u8) -> u128 {
    u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0)
}

pub(super) fn cidrsubnet(_: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    let (block, bits, number): (&str, i64, i128) = from_args(args)?;
    let block = Block::parse(block)?;
    let prefix = block.longer(bits)?;
    let most = ones(prefix - block.prefix);
    match u128::try_from(number) {
        Ok(number) if number <= most => {
            let first = number.checked_shl(u32::from(block.width - prefix)).unwrap_or(0);
            Ok(block.show(block.first | first, Some(prefix)).into())
        }
        _ => Err(refuse(format!("with so many bits the number goes from 0 to {most}"))),
    }
}

/// Numbers below zero count from the end.
pub(super) fn cidrhost(_: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    let (block, number): (&str, i128) = from_args(args)?;
    let block = Block::parse(block)?;
    let most = ones(block.width - block.prefix);
    let offset = if number < 0 { number.unsigned_abs() - 1 } else { number.unsigned_abs() };
    if offset > most {
        return Err(refuse("the block has not so many addresses"));
    }
    let address = if number < 0 { block.last() - offset } else { block.first + offset };
    Ok(block.show(address, None).into())
}

pub(super) fn cidrnetmask(_: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    let (block,): (&str,) = from_args(args)?;
    let block = Block::parse(block)?;
    if block.width != 32 {
        return Err(refuse("only IPv4 writes masks as addresses"));
    }
    Ok(block.show(ones(32) ^ ones(32 - block.prefix), None).into())
}

/// Blocks one after the other, each beginning at the next multiple of its size.
pub(super) fn cidrsubnets(_: &Arc<Scope>, args: &[Value]) -> Result<Value, Error> {
    let (block, bits): (&str, Rest<i64>) = from_args(args)?;
    let block = Block::parse(block)?;
    let mut next = Some(block.first);
    let mut made = Vec::new();
    for bits in bits.iter().copied() {
        let prefix = block.longer(bits)?;
        if prefix == block.prefix {
            return Err(refuse("each block must be smaller, by at least one bit"));
        }
        let rest = ones(block.width - prefix);
        let begin =
            next.and_then(|next| if next & rest == 0 { Some(next) } else { (next | rest).checked_add(1) });
        let Some(begin) = begin.filter(|begin| *begin <= block.last()) else {
            return Err(refuse(format!("there is no room for all of them, only for {}", made.len())));
        };
        made.push(block.show(begin, Some(prefix)));
        next = (begin | rest).checked_add(1);
    }
    Ok(made.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::eval;

    /// What `terraform console` (1.11) prints for the same.
    #[test]
    fn results_are_those_of_terraform() {
        for (expression, expected) in [
            ("cidrsubnet('10.0.0.0/16', 8, 2)", "10.0.2.0/24"),
            ("cidrsubnet('172.16.0.0/12', 4, 2)", "172.18.0.0/16"),
            ("cidrsubnet('10.1.2.240/28', 1, 1)", "10.1.2.248/29"),
            ("cidrsubnet('10.1.2.250/28', 1, 1)", "10.1.2.248/29"),
            ("cidrsubnet('fd00:fd12:3456:7890::/56', 16, 162)", "fd00:fd12:3456:7800:a200::/72"),
            ("cidrsubnet('fd00:fd12:3456:7890:00a2::/72', 8, 255)", "fd00:fd12:3456:7890:ff::/80"),
            ("cidrsubnet('10.0.0.0/16', 0, 0)", "10.0.0.0/16"),
            ("cidrsubnet('0.0.0.0/0', 32, 4294967295)", "255.255.255.255/32"),
            ("cidrsubnet('::/0', 64, 5)", "0:0:0:5::/64"),
            ("cidrsubnet('010.0.0.0/16', 8, 0)", "10.0.0.0/24"),
            ("cidrhost('10.12.112.0/20', 16)", "10.12.112.16"),
            ("cidrhost('10.12.112.0/20', 268)", "10.12.113.12"),
            ("cidrhost('10.12.127.0/20', 5)", "10.12.112.5"),
            ("cidrhost('10.12.112.0/20', -1)", "10.12.127.255"),
            ("cidrhost('10.12.112.0/20', -4096)", "10.12.112.0"),
            ("cidrhost('10.12.112.0/20', 4095)", "10.12.127.255"),
            ("cidrhost('fd00:fd12:3456:7890:00a2::/72', 34)", "fd00:fd12:3456:7890::22"),
            ("cidrhost('fd00::/8', -2)", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"),
            ("cidrhost('fd00::/8', 9223372036854775807)", "fd00::7fff:ffff:ffff:ffff"),
            ("cidrhost('10.0.0.1/32', 0)", "10.0.0.1"),
            ("cidrhost('10.0.0.1/32', -1)", "10.0.0.1"),
            ("cidrhost('::/0', 1)", "::1"),
            ("cidrhost('0.0.0.0/0', -1)", "255.255.255.255"),
            ("cidrnetmask('172.16.0.0/12')", "255.240.0.0"),
            ("cidrnetmask('10.0.0.0/0')", "0.0.0.0"),
            ("cidrnetmask('10.0.0.0/32')", "255.255.255.255"),
            (
                "cidrsubnets('10.1.0.0/16', 4, 4, 8, 4) | join(' ')",
                "10.1.0.0/20 10.1.16.0/20 10.1.32.0/24 10.1.48.0/20",
            ),
            ("cidrsubnets('10.1.0.0/16', 8, 4) | join(' ')", "10.1.0.0/24 10.1.16.0/20"),
            ("cidrsubnets('10.1.0.0/16', 1, 1) | join(' ')", "10.1.0.0/17 10.1.128.0/17"),
            ("cidrsubnets('10.1.7.0/16', 4) | join(' ')", "10.1.0.0/20"),
            (
                "cidrsubnets('fd00:fd12:3456:7890::/56', 16, 16, 16, 32) | join(' ')",
                "fd00:fd12:3456:7800::/72 fd00:fd12:3456:7800:100::/72 fd00:fd12:3456:7800:200::/72 \
                 fd00:fd12:3456:7800:300::/88",
            ),
            ("cidrsubnets('10.1.0.0/16') | length", "0"),
        ] {
            assert_eq!(eval(expression), Ok(expected.to_owned()), "{expression}");
        }
    }

    #[test]
    fn what_is_no_block_or_has_no_room_is_an_error() {
        for (expression, why) in [
            ("cidrsubnet('10.0.0.0/16', 8, 256)", "from 0 to 255"),
            ("cidrsubnet('10.0.0.0/16', 17, 0)", "0 to 16 bits"),
            ("cidrsubnet('10.0.0.0', 8, 0)", "no block"),
            ("cidrsubnet('10.0.0.0/33', 8, 0)", "no block"),
            ("cidrsubnet('10.0.0.0/16', 8, -1)", "from 0 to 255"),
            ("cidrsubnet('10.0.0.0/16', -1, 0)", "0 to 16 bits"),
            ("cidrsubnet('10.0.0.0/16', 8)", "`cidrsubnet`: missing argument"),
            ("cidrsubnet('10.0.0.0/16', 8, 0, 0)", "too many arguments"),
            ("cidrsubnet(16, 8, 0)", "not a string"),
            ("cidrsubnet('10.0.0.0/16', 8, nope)", "undefined"),
            ("cidrhost('10.12.112.0/20', -4097)", "not so many"),
            ("cidrhost('10.12.112.0/20', 4096)", "not so many"),
            ("cidrhost('10.0.0.1/32', 1)", "not so many"),
            ("cidrhost('10.12.112.0/20', 1.5)", "`cidrhost`: "),
            ("cidrhost('hunter2', 1)", "no block"),
            ("cidrnetmask('fd00::/8')", "only IPv4"),
            ("cidrsubnets('10.1.0.0/16', 1, 1, 1)", "only for 2"),
            ("cidrsubnets('10.1.0.0/16', 0)", "at least one bit"),
            ("cidrsubnets('10.1.0.0/16', 17)", "0 to 16 bits"),
        ] {
            let error = eval(expression).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter"), "{expression}: {error}");
        }
    }

    proptest! {
        /// Subnet after subnet covers the block without gaps.
        #[test]
        fn subnets_follow_one_another(address: u32, prefix in 0_u8..=24, bits in 1_u8..=8) {
            let block = format!("{}/{prefix}", std::net::Ipv4Addr::from(address));
            let all = vec![bits.to_string(); 3.min(1 << bits)].join(", ");
            let listed = eval(&format!("cidrsubnets('{block}', {all}) | join(' ')")).unwrap();
            for (number, subnet) in listed.split(' ').enumerate() {
                prop_assert_eq!(&eval(&format!("cidrsubnet('{block}', {bits}, {number})")).unwrap(), subnet);
            }
        }

        #[test]
        fn the_last_host_is_the_last_address(address: u128, prefix in 0_u8..=128) {
            let block = format!("{}/{prefix}", std::net::Ipv6Addr::from(address));
            let net: ipnet::Ipv6Net = block.parse().unwrap();
            prop_assert_eq!(eval(&format!("cidrhost('{block}', -1)")).unwrap(), net.broadcast().to_string());
            prop_assert_eq!(eval(&format!("cidrhost('{block}', 0)")).unwrap(), net.network().to_string());
        }
    }
}
