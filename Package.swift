// swift-tools-version: 6.2
// The package has three shapes. The whole of it needs SwiftNIO. With TOLLGATE_CORES=1 in the environment it is only the
// pure modules and their tests, which build and run without; with TOLLGATE_GATEWAY=1 it is all but the tests of these.
import PackageDescription

let coresOnly = Context.environment["TOLLGATE_CORES"] != nil
let testsCores = coresOnly || Context.environment["TOLLGATE_GATEWAY"] == nil

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
// Their generic types are made for one state machine by whoever uses them, and not looked up at run time.
let generic: [SwiftSetting] = strict + [.unsafeFlags(["-cross-module-optimization"], .when(configuration: .release))]
let strictC: [CSetting] = [.treatAllWarnings(as: .error), .unsafeFlags(["-O3"])]

let collections: [Target.Dependency] = [.product(name: "DequeModule", package: "swift-collections")]
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
    .product(name: "Logging", package: "swift-log"),
]

var dependencies: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
]

var targets: [Target] = [
    // C: libraries of the system, and what must be C to be fast.
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .target(name: "CSolver", cSettings: strictC),
    .target(name: "CChecksum", cSettings: strictC),
    .target(name: "CLinux", cSettings: strictC),

    // Cores: no I/O, no clock, no randomness of their own.
    .target(name: "Wire", swiftSettings: strict),
    .target(name: "Ledger", dependencies: ["Wire"], swiftSettings: strict),
    .target(name: "Quota", dependencies: ["Ledger", "Wire"] + collections, swiftSettings: strict),
    .target(name: "Raft", dependencies: ["Wire"] + collections, swiftSettings: strict),
    .target(name: "RaftStorage", dependencies: ["Raft", "Wire", "CChecksum", "CLinux"], swiftSettings: generic),
    .target(
        name: "Simulator",
        dependencies: ["Ledger", "Paxos", "Quota", "Raft", "RaftStorage", "Replica", "Wire"],
        swiftSettings: strict
    ),
    .target(name: "Paxos", dependencies: ["Wire"], swiftSettings: strict),
    .target(
        name: "Replica",
        dependencies: ["Raft", "Paxos", "Ledger", "RaftStorage", "Wire"] + collections,
        swiftSettings: generic
    ),
    .executableTarget(
        name: "tollgate-simulator",
        dependencies: ["Simulator", .product(name: "ArgumentParser", package: "swift-argument-parser")],
        swiftSettings: strict
    ),
    .target(name: "ProofOfWork", dependencies: ["COpenSSL", "CSodium", "CSolver"], swiftSettings: strict),
    .target(name: "Settings", dependencies: ["Yams"], swiftSettings: strict),

    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
]

if testsCores {
    targets += [
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict),
        .testTarget(name: "LedgerTests", dependencies: ["Ledger", "Wire", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "QuotaTests",
            dependencies: ["Quota", "Ledger", "Wire", "TestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "RaftStorageTests",
            dependencies: ["RaftStorage", "Raft", "Wire", "CChecksum", "TestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SimulatorTests",
            dependencies: [
                "Simulator", "Ledger", "Raft", "RaftStorage", "Replica", "Wire", "tollgate-simulator", "TestSupport",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "RaftTests",
            dependencies: ["Raft", "Wire", "TestSupport"] + collections,
            exclude: ["Scenarios/Stories"],
            swiftSettings: strict
        ),
        .testTarget(name: "PaxosTests", dependencies: ["Paxos", "Wire", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ReplicaTests",
            dependencies: ["Replica", "Raft", "Paxos", "Ledger", "RaftStorage", "Simulator", "Wire"],
            swiftSettings: strict
        ),
        .testTarget(name: "ProofOfWorkTests", dependencies: ["ProofOfWork"], swiftSettings: strict),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"], swiftSettings: strict),
    ]
}

if !coresOnly {
    dependencies += [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        // What swift-certificates is made of: certificates are made with it.
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ]
    let peerTLS: [Target.Dependency] = [
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "X509", package: "swift-certificates"),
    ]
    let issuing: [Target.Dependency] = [
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "Crypto", package: "swift-crypto"),
    ]
    targets += [
        .target(
            name: "RaftTransport",
            dependencies: ["Wire"] + collections + nio + peerTLS,
            swiftSettings: strict
        ),
        .testTarget(
            name: "RaftTransportTests",
            dependencies: ["RaftTransport", "Wire", "TestSupport"] + nio + peerTLS + issuing,
            swiftSettings: strict
        ),
        .target(
            name: "Certificates",
            dependencies: issuing + [.product(name: "X509", package: "swift-certificates")],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CertificatesTests",
            dependencies: ["Certificates", "RaftTransport", .product(name: "X509", package: "swift-certificates")],
            swiftSettings: strict
        ),
        .target(name: "CPage", exclude: ["assets"], cSettings: [.treatAllWarnings(as: .error)]),
        .target(
            name: "Gateway",
            dependencies: ["Ledger", "ProofOfWork", "Quota", "Settings", "Wire", "CPage"] + collections + nio,
            swiftSettings: strict
        ),
        .target(
            name: "Cluster",
            dependencies: [
                "Ledger", "Quota", "Raft", "RaftStorage", "RaftTransport", "Replica", "Wire", "CSodium",
            ] + collections + nio,
            swiftSettings: strict
        ),
        .target(
            name: "Admin",
            dependencies: ["Cluster", "Gateway", "Ledger", "Raft", "Replica", "CSodium"] + nio,
            swiftSettings: strict
        ),
        .executableTarget(
            name: "tollgate",
            dependencies: [
                "Admin", "Certificates", "Cluster", "Gateway", "Ledger", "ProofOfWork", "Raft", "RaftStorage",
                "RaftTransport", "Replica", "Settings", "Wire",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ] + nio,
            swiftSettings: strict
        ),
        .target(name: "CAllocations", cSettings: [.treatAllWarnings(as: .error)]),
        .executableTarget(
            name: "tollgate-benchmark",
            dependencies: [
                "Cluster", "ProofOfWork", "Ledger", "Raft", "RaftStorage", "Replica", "Wire", "CAllocations", "CLinux",
                "COpenSSL", "CSolver", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + nio,
            swiftSettings: strict
        ),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Cluster", "Gateway", "CPage", "Ledger", "ProofOfWork", "Quota", "Settings", "Wire",
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio,
            swiftSettings: strict
        ),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Certificates", "Cluster", "Ledger", "Raft", "RaftStorage", "RaftTransport", "Replica", "TestSupport",
                "Wire",
            ] + nio,
            swiftSettings: strict
        ),
        .testTarget(
            name: "AdminTests",
            dependencies: [
                "Admin", "Cluster", "Gateway", "Ledger", "Settings",
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio,
            swiftSettings: strict
        ),
    ]
}

let package = Package(
    name: "tollgate",
    products: coresOnly
        ? []
        : [
            .executable(name: "tollgate", targets: ["tollgate"]),
            .executable(name: "tollgate-benchmark", targets: ["tollgate-benchmark"]),
        ],
    dependencies: dependencies,
    targets: targets,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu2x
)
