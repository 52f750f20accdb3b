import Glibc

/// Prices over time as an SVG picture: hours to the right, powers of two upwards.
struct PriceCurves {
    /// By minute.
    var curves: [(name: String, values: [Double])]

    private static let colours = ["#1f6f8b", "#b3541e", "#5b8c3a", "#7a4f9a", "#444444"]
    private let left = 56.0
    private let top = 24.0
    private let width = 640.0
    private let height = 300.0

    private var minutes: Int { max(1, curves.map(\.values.count).max() ?? 1) }
    private var highest: Double { max(2, curves.flatMap(\.values).max() ?? 2) }
    private var powers: Int { Int(log2(highest).rounded(.up)) }

    private func x(_ minute: Double) -> Double { left + minute / Double(minutes) * width }
    private func y(_ price: Double) -> Double { top + height - log2(max(1, price)) / Double(powers) * height }

    var text: String {
        let below = top + height
        let total = below + 44 + Double(curves.count) * 18
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 \(Int(total))\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"720\" height=\"\(Int(total))\" fill=\"#ffffff\"/>",
            "<title>The price of a challenge over time</title>",
        ]
        for power in stride(from: 0, through: powers, by: 2) {
            let place = number(y(exp2(Double(power))))
            lines.append("<path d=\"M\(number(left)) \(place)H\(number(left + width))\" stroke=\"#dddddd\"/>")
            lines.append(
                "<text x=\"\(number(left - 6))\" y=\"\(place)\" dy=\"4\" text-anchor=\"end\">\(1 << power)</text>"
            )
        }
        for hour in 0...(minutes / 60) {
            let place = number(x(Double(hour) * 60))
            lines.append("<path d=\"M\(place) \(number(below))v4\" stroke=\"#444444\"/>")
            lines.append("<text x=\"\(place)\" y=\"\(number(below + 18))\" text-anchor=\"middle\">\(hour) h</text>")
        }
        let end = number(x(PriceScenario.hours * 60))
        lines.append(
            "<path d=\"M\(end) \(number(top))V\(number(below))\" stroke=\"#999999\" stroke-dasharray=\"4 4\"/>"
        )
        lines.append("<text x=\"\(end)\" y=\"\(number(top - 8))\" text-anchor=\"middle\">the abuse ends</text>")
        for (place, curve) in curves.enumerated() {
            let colour = Self.colours[place % Self.colours.count]
            // Every third minute is more than enough for the eye.
            let points = stride(from: 0, to: curve.values.count, by: 3)
                .map { "\(number(x(Double($0)))),\(number(y(curve.values[$0])))" }
            lines.append(
                "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.5\" points=\"\(points.joined(separator: " "))\"/>"
            )
            let row = below + 44 + Double(place) * 18
            lines.append("<path d=\"M\(number(left)) \(number(row - 4))h24\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
            lines.append("<text x=\"\(number(left + 32))\" y=\"\(number(row))\">\(curve.name)</text>")
        }
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private func number(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
